import re
from pathlib import Path

import pytest

from tests.unit.api.house import House, open_house, problem


async def test_the_page_needs_no_other_host(house: House) -> None:
    page = (await house.client(None).get("/docs")).text
    addresses = re.findall(r"(?:src|href|url)[=:] *['\"]([^'\"]+)['\"]", page)
    assert len(addresses) >= 4
    for address in addresses:
        assert address.startswith("/"), address
        assert (await house.client(None).get(address)).status_code == 200, address


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.css", "/openapi.json"])
async def test_it_can_be_switched_off(tmp_path: Path, path: str) -> None:
    async with open_house(tmp_path, KRAI_DOCS="off") as house:
        assert problem(await house.client(None).get(path), 404) == "not_found"
