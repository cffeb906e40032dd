"""A few letters of 5×7 dots, drawn into scenes to distract."""

import numpy as np

_ROWS = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "X": "10001 10001 01010 00100 01010 10001 10001",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
}

LETTERS = [np.array([[int(dot) for dot in row] for row in rows.split()], np.float32) for rows in _ROWS.values()]
"""float32 [7, 5] each, 1 where there is ink."""
