"""How files of records are named."""

# In folders, in lower case; any other file may be named by itself.
SUFFIXES = (".h5", ".hdf5", ".hdf", ".tdms", ".zarr", ".segy", ".sgy", ".das", ".raw", ".jld2")
