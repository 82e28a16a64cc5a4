"""How tables lie in the block of memory that all engines share. All numbers are unsigned, in the machine's byte order.

A table begins at its `offset`, which is a multiple of 8:

    8 bytes   the number of rows n
    4 bytes   the number of columns k
    4 bytes   the width w of the size of a cell: 1, 2 or 4 bytes
    4 bytes   the width v of the place of a row: 4 or 8 bytes
    4 bytes   1 if a table of aliases follows, 0 if not
    8 bytes   the size of the rows' bytes, s
    n * v     where each row begins, counted from the first byte of the rows
    (up to a multiple of 8)
    n * 12    only with aliases (Walker's method, in Vose's form): 8 bytes as a double, the probability p of staying at the
              row, for all rows; then 4 bytes each, the row that is taken instead
    (up to a multiple of 8)
    s         the rows, one after the other: k sizes of w bytes each, then the bytes of the k cells

A row is one place in memory, so that a request with several columns of it costs few cache misses. Example: the row
("ada", "x y") with the columns `name` as it stands and `word` percent-encoded, and w = 1, is `03 05 ada x%20y`.
"""
