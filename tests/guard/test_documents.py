"""What the code says and what the documents say is the same: settings and problems."""

import re

from krai import settings
from scripts.generate import BEGIN, END, PROBLEMS_PAGE, README, problems_page, settings_table, with_settings

ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def documented_settings(readme: str) -> list[str]:
    return ROW.findall(readme.partition(BEGIN)[2].partition(END)[0])


def settings_gone_astray(readme: str) -> set[str]:
    """Settings that the README does not list, and listed ones that there are not."""
    return {name for name, _, _ in settings.rows()} ^ set(documented_settings(readme))


def test_the_readme_lists_every_setting_and_no_other() -> None:
    assert settings_gone_astray(README.read_text()) == set()


def test_the_settings_table_is_up_to_date() -> None:
    assert README.read_text() == with_settings(README.read_text()), "run `make settings`"


def test_the_page_of_problems_is_up_to_date() -> None:
    assert PROBLEMS_PAGE.read_text() == problems_page(), "run `make settings`"


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, _, meaning in settings.rows() if len(meaning) < 10] == []


def test_a_setting_that_is_not_in_the_readme_is_found() -> None:
    table = settings_table()
    assert settings_gone_astray(f"{BEGIN}\n{table}{END}") == set()
    assert settings_gone_astray(f"{BEGIN}\n{table.replace('| `PORT` ', '| PORT ')}{END}") == {"PORT"}
    assert settings_gone_astray(f"{BEGIN}\n{table}| `KRAI_GONE` | | was here |\n{END}") == {"KRAI_GONE"}


def test_an_old_table_is_found() -> None:
    old = with_settings(f"a\n{BEGIN}\n{END}\nb\n").replace("`8080`", "`8081`")
    assert with_settings(old) != old
    assert with_settings(with_settings(old)) == with_settings(old)
