"""What the point steps do to flat files.

May import flat, geo, io and products.
"""
