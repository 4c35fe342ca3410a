"""From points to pictures.

May import flat, geo and io."""
