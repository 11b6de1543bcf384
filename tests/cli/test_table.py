"""Tables: widths, cutting, and characters that would move the cursor."""

import pytest

from nightdrop.cli import table


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("寿司", 4), ("e\u0301", 1), ("", 0)])
def test_width(text, columns):
    assert table.width(text) == columns


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), (0, "0"), (["a", "b"], "a, b"), ("a\nb\x1b[2J\u202e", "a\ufffdb\ufffd[2J\ufffd")],
)
def test_a_cell_is_one_line_and_moves_nothing(value, shown):
    assert table.cell(value) == shown


def rows(monkeypatch, capsys, columns, **row):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    table.print_table([row], [(key, key.upper()) for key in row])
    return capsys.readouterr().out.splitlines()


def test_only_free_text_is_cut(monkeypatch, capsys):
    lines = rows(monkeypatch, capsys, 60, name="n" * 40, description="寿" * 40)
    assert lines[1] == "n" * 40 + "  " + "寿" * 8 + "…"
    assert max(map(table.width, lines)) <= 60


def test_a_name_that_is_too_long_stays_whole(monkeypatch, capsys):
    lines = rows(monkeypatch, capsys, 40, name="n" * 128, description="d" * 100)
    assert lines[1] == "n" * 128 + "  " + "d" * 11 + "…"


def test_what_fits_is_left_alone(monkeypatch, capsys):
    assert rows(monkeypatch, capsys, 80, name="a", why="because") == ["NAME  WHY", "a     because"]
