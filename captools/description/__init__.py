"""What a file is and holds, said for people and for programs; of many files, as one summary.

May import all that reads files. Only headers are read, and of granules the places and
times; of values no more, unless statistics are asked for.
"""
