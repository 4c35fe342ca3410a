"""Distributed acoustic sensing: records of a fibre to pictures and to a cube of spectra.

May import engine, run, geo and io. Kernels (tapers, spectra, filters, envelopes, pixels) take
arrays and return arrays. Samples are (time, channel), in the order of C, whatever a file has.
"""
