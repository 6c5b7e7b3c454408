"""What we write is what `tillbus metadata check` looks for."""

from __future__ import annotations

from hypothesis import given

from services.sales.mapping import retail_transaction
from services.sales.slips import Slip
from shared.dynamics.finance_operations.retail_fields import RETAIL_FIELDS
from shared.dynamics.finance_operations.retail_transactions import (
    DISCOUNT_LINES,
    HEADERS,
    PAYMENT_LINES,
    SALES_LINES,
    TAX_LINES,
)
from shared.events import SaleCompleted, SaleReturned
from tests.unit.sales.baskets import COMPANIES, sales

TABLES = {table.entity_set: table for table in RETAIL_FIELDS}


@given(sales())
def test_every_field_and_enum_symbol_of_a_sale_is_in_the_table(
    sale: SaleCompleted | SaleReturned,
) -> None:
    booked = retail_transaction(Slip.of(sale), COMPANIES[sale.key.company])
    bodies = {
        HEADERS: (booked.header,),
        SALES_LINES: booked.sales_lines,
        PAYMENT_LINES: booked.payment_lines,
        TAX_LINES: booked.tax_lines,
        DISCOUNT_LINES: booked.discount_lines,
    }
    for entity_set, lines in bodies.items():
        table = TABLES[entity_set]
        for body in lines:
            assert body.keys() <= {*table.key, *table.written}
            assert {
                n for n, value in body.items() if value in ("Yes", "No")
            } <= table.symbols.keys()
            for name, symbols in table.symbols.items():
                assert body.get(name, symbols[0]) in symbols
            for name, length in table.lengths.items():
                assert len(str(body.get(name, ""))) <= length
