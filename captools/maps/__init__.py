"""From points, and from cubes of spectra, to pictures.

May import flat, geo and io."""
