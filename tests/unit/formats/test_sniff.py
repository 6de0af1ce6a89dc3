"""What a file is by its first bytes, where these could be of several formats."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal
from krai.formats.sniff import format_of

PARQUET = io.BytesIO()
pq.write_table(pa.table({"a": ["x"]}), PARQUET)


@pytest.mark.parametrize(
    "head",
    [
        b"[id],[name]\n",
        b"[1st],b\n",
        b"[-],b\n",
        b"[nulls],b\n",
        b"[01],b\n",
        b"{id},name\n",
        b"\xef\xbb\xbf{1}\n",
        b"PAR1,x\n1,2\n",
        b"PAR1\n",
    ],
)
def test_a_table_may_begin_with_a_bracket_or_the_letters_of_parquet(head: bytes) -> None:
    assert (format_of(head, "auto"), format_of(head, "csv"), format_of(head, "tsv")) == ("csv", "csv", "tsv")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        *(
            (head, "json")
            for head in (b'[{"a":1}]', b" [\r\n\t{", b"[", b"[ ", b"[]", b"[[", b'["a"', b"[1,2]", b"[-1.5e+3 ]", b"[0", b"[null]")
        ),
        *((head, "ndjson") for head in (b'{"a":1}', b'\n {\n "a"', b"{", b"{ }", b'\xef\xbb\xbf{"')),
        (PARQUET.getvalue(), "parquet"),
        (PARQUET.getvalue()[:-9], "parquet"),
        *((head, "parquet") for head in (b"PAR1", b"PAR1 and no more")),
    ],
)
def test_what_json_and_parquet_begin_with(head: bytes, found: str) -> None:
    assert format_of(head, "auto") == found


def test_what_is_said_to_be_csv_is_believed_where_it_can_be() -> None:
    assert format_of(b"PAR1", "csv") == "csv"
    for said in ("csv", "ndjson"):
        with pytest.raises(Terminal) as error:
            format_of(PARQUET.getvalue(), said)
        assert error.value.code == "format_mismatch"
    assert format_of(b"PAR1,x\n1,2\n", "parquet") == "parquet"
