import re

import numpy as np
import pytest

from krai.formats import scanning
from krai.formats.scanning import count_of, places_of


@pytest.mark.parametrize("text", [b"\n", b',"', b', "'])
@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 1 << 20])
def test_a_text_is_found_wherever_pieces_end(text: bytes, piece_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_PIECE_BYTES", piece_bytes)
    for data in (b"", text[:-1], text, text * 3, b"ab" + text + b"c" + text, b'{"a":1, "b":2,"c":3}\n{"d": ",", "e":"x,"}\n'):
        octets = np.frombuffer(data, np.uint8)
        assert places_of(text, octets).tolist() == [found.start() for found in re.finditer(re.escape(text), data)]
        assert count_of(text[-1], octets) == data.count(text[-1:])
