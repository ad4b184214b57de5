"""`make check`: the cases of one plugin."""

from types import SimpleNamespace

import pandas as pd
import pytest

from .conftest import concerns, pytest_configure


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("tv", True),
        ("dpir", False),
        (SimpleNamespace(name="tv"), True),
        (SimpleNamespace(stem="tv", name="tv.py"), True),
        (pd.DataFrame({"tv": [1]}), False),
        (3, False),
    ],
)
def test_the_cases_of_a_plugin_are_found(value, expected):
    item = SimpleNamespace(
        callspec=SimpleNamespace(params={"first": 1, "second": value})
    )
    assert concerns(item, "tv") == expected
    assert not concerns(SimpleNamespace(), "tv")


def test_the_name_of_no_plugin_is_refused():
    def configured(name):
        pytest_configure(SimpleNamespace(getoption=lambda option: name))

    configured(None)
    configured("tv")
    configured("div2k_sr4")
    with pytest.raises(pytest.UsageError, match="no solver and no problem nobody"):
        configured("nobody")
