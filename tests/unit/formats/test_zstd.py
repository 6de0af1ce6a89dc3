"""Frames come back as what was packed into them; a file that is cut off, damaged or a bomb is none."""

import io

import pytest
from hypothesis import given, strategies as st

from krai.errors import Terminal
from krai.formats.compression import Gunzip
from krai.formats.unpacked import Unpacked
from krai.formats.zstd import Unzstd, Zstd, is_zstd

FRAME = Zstd.pack(b"abc" * 100)
SKIPPED = b"\x5a\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"\xff\0ab"


def window_of(log: int) -> bytes:
    """A frame of three octets that asks for a window of 2**log."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([(log - 10) << 3]) + (1 | 3 << 3).to_bytes(3, "little") + b"abc"


def unpack(data: bytes, *, size: int = 1 << 16, limit_bytes: int = 1 << 20, codec: type[Unpacked] = Unzstd) -> bytes:
    file, pieces = codec(io.BytesIO(data), limit_bytes), []
    while piece := file.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    return b"".join(pieces)


@given(st.lists(st.binary(max_size=50), max_size=5), st.sampled_from([1, 7, 1 << 16]))
def test_frames_of_pieces_are_one_file(pieces: list[bytes], size: int) -> None:
    file = Zstd()
    for piece in pieces:
        file.count(piece)
    assert unpack(file.HEADER + b"".join(map(file.pack, pieces)) + file.finish(), size=size) == b"".join(pieces)


def test_equal_pieces_give_equal_frames() -> None:
    assert Zstd.pack(b"x" * 1000) == Zstd.pack(memoryview(b"x" * 1000))


def test_a_frame_to_be_skipped_is() -> None:
    assert unpack(SKIPPED + FRAME + SKIPPED) == b"abc" * 100
    assert is_zstd(SKIPPED)
    assert is_zstd(FRAME)
    assert not is_zstd(b"")
    assert not is_zstd(b"\x1f\x8b")


def test_a_window_of_128_mib_is_taken_and_no_larger_one() -> None:
    assert unpack(window_of(27)) == b"abc"


DAMAGED = {
    **{f"cut-at-{end}": FRAME[:end] for end in range(1, len(FRAME), 3)},
    "second-frame-cut": FRAME + FRAME[:-1],
    "garbage": FRAME + b"garbage",
    "nul": FRAME + b"\0",
    "checksum": FRAME[:-1] + bytes([FRAME[-1] ^ 1]),
    "skippable-cut": SKIPPED[:-1],
    "window-256-mib": window_of(28),
    "window-2-gib": window_of(31),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("size", [1, 1 << 16])
def test_what_is_cut_off_damaged_or_goes_on_with_something_else_is_corrupt(data: bytes, size: int) -> None:
    with pytest.raises(Terminal) as error:
        unpack(data, size=size)
    assert error.value.code == "corrupt_file"


@pytest.mark.parametrize("frames", [1, 40])
def test_a_bomb_is_stopped_by_what_it_unpacks_to(frames: int) -> None:
    bomb = Zstd.pack(bytes(8 << 20)) * frames
    assert len(bomb) < 1000 * frames
    with pytest.raises(Terminal) as error:
        unpack(bomb)
    assert error.value.code == "decompression_limit"


def test_as_much_as_is_allowed_is_unpacked() -> None:
    assert unpack(Zstd.pack(bytes(1 << 20))) == bytes(1 << 20)
    assert unpack(b"", codec=Gunzip) == b""
