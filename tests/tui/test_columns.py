"""Rows of one kind stand in columns, and nothing is ever wider than the line."""

from __future__ import annotations

from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kinspect.outline.rows import Span
from kinspect.tui.columns import Cell, Columns, shorten_end, shorten_middle


def text(cells: list[Cell]) -> str:
    return "".join(cell.text for cell in cells).rstrip()


def service(name: str, kind: str, address: str, ready: str, reason: str = "") -> tuple[Span, ...]:
    return (
        Span(name, "title"),
        Span(kind, "kind"),
        Span(address, "address"),
        Span("80"),
        Span(ready, "ready"),
        Span(reason, "broken"),
    )


CART = service("cart", "ClusterIP", "10.96.1.1", "2/2 ready")
CHECKOUT = service("checkout", "LoadBalancer", "10.96.1.2", "0/0 ready", "no pod has the labels app=chekout")


def laid_out(width: int) -> list[str]:
    columns = Columns()
    for spans in (CART, CHECKOUT):
        columns.measure("Service", 1, spans)
    return [text(columns.lay_out("Service", 1, spans, width)) for spans in (CART, CHECKOUT)]


def test_a_roomy_line_shows_everything_with_the_state_after_the_name() -> None:
    assert laid_out(110) == [
        "cart      2/2 ready  ClusterIP     10.96.1.1  80",
        "checkout  0/0 ready  LoadBalancer  10.96.1.2  80  no pod has the labels app=chekout",
    ]


def test_on_a_narrow_line_a_reason_takes_the_place_of_the_rest() -> None:
    assert laid_out(54) == [
        "cart      2/2 ready  ClusterIP     10.96.1.1  80",
        "checkout  0/0 ready  no pod has the labels app=chekout",
    ]


def test_name_and_state_are_never_given_up() -> None:
    assert laid_out(30) == ["cart      2/2 ready", "checkout  0/0 ready  no pod h…"]


def test_an_empty_text_is_an_empty_column() -> None:
    columns = Columns()
    columns.measure("Service", 1, CART)
    alias = service("pay", "ExternalName", "", "")
    assert text(columns.lay_out("Service", 1, alias, 80)) == "pay              ExternalName             80"


def test_prose_has_no_columns() -> None:
    columns = Columns()
    columns.measure("Namespace", 0, (Span("a-long-namespace", "title"), Span("2 Services")))
    line = columns.lay_out("Namespace", 0, (Span("shop", "title"), Span("1 Service", "dim")), 80)
    assert text(line) == "shop  1 Service"


def test_kinds_and_depths_do_not_share_columns() -> None:
    columns = Columns()
    columns.measure("Service", 1, CHECKOUT)
    assert text(columns.lay_out("Service", 2, CART, 80)).startswith("cart  2/2")


def test_another_screen_starts_over() -> None:
    columns = Columns()
    columns.resized(80)
    columns.measure("Service", 1, CHECKOUT)
    columns.resized(80)
    assert text(columns.lay_out("Service", 1, CART, 80)).startswith("cart      2/2")
    columns.resized(100)
    assert text(columns.lay_out("Service", 1, CART, 80)).startswith("cart  2/2")


def test_shortening() -> None:
    assert shorten_middle("checkout-7d9f-x2x9p", 11) == "check…x2x9p"
    assert shorten_end("checkout-7d9f-x2x9p", 11) == "checkout-7…"
    assert shorten_middle("short", 11) == shorten_end("short", 11) == "short"
    assert shorten_middle("日本語日本語", 7) == "日…本語"
    assert shorten_end("abc", 0) == ""


@given(st.text(), st.integers(0, 40))
def test_shortened_texts_fit(words: str, width: int) -> None:
    assert cell_len(shorten_end(words, width)) <= width
    assert cell_len(shorten_middle(words, width)) <= width


def test_a_row_may_have_fewer_texts_than_its_kind() -> None:
    """The object of a row is gone, and the row with it a moment later."""
    columns = Columns()
    columns.measure("Service", 1, CHECKOUT)
    gone = (Span("cart", "title"), Span("no such Service", "broken"))
    assert text(columns.lay_out("Service", 1, gone, 80)).split() == ["cart", "no", "such", "Service"]
    assert text(columns.lay_out("Service", 1, gone[1:], 80)).strip() == "no such Service"


ROWS = st.lists(st.tuples(st.text(), st.sampled_from(("title", "kind", "broken", "fact"))), max_size=6)


@given(st.lists(ROWS, max_size=3), st.integers(0, 90))
def test_a_row_fits_its_line_and_obeys_nothing(rows: list[list[tuple[str, str]]], width: int) -> None:
    columns = Columns()
    for row in rows:
        cells = columns.lay_out("Pod", 3, [Span(words, role) for words, role in row], width)  # type: ignore[arg-type]
        assert cell_len("".join(cell.text for cell in cells)) <= width
        assert not any(category(character).startswith("C") for cell in cells for character in cell.text)
