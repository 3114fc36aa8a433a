"""Tables of pandas, Polars and Arrow as Arrow slices, and back; what all table formats share.

:mod:`jsk_saver.formats.tables` is the way in. Nothing is imported here: none of the three libraries is
forced on the users of the others.
"""
