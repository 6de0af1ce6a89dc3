from krai.warehouse.recent import Recent


def test_what_was_read_is_not_read_again() -> None:
    reads: list[str] = []
    recent: Recent[str] = Recent(2)

    def read(name: str) -> str:
        def from_disk() -> str:
            reads.append(name)
            return name.upper()

        return recent.get(name, from_disk)

    assert [read(name) for name in ("a", "b", "a", "c", "a", "b")] == ["A", "B", "A", "C", "A", "B"]
    assert reads == ["a", "b", "c", "b"], "of three the one that was longest not asked for is forgotten"


def test_what_was_made_here_need_not_be_read() -> None:
    recent: Recent[int] = Recent(1)
    recent.put("a", 1)
    assert recent.get("a", lambda: 2) == 1
