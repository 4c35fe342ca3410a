"""Where and when, as pure numerics: arrays in, arrays out; nothing here knows files.

May import errors and extras alone."""
