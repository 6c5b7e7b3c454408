"""How a certificate's page looks, on a screen and on paper."""

STYLE = """
:root { --ink: #1d2430; --quiet: #5b6675; --line: #d9dee6; --good: #1b6b3a; --bad: #a3231c;
  --warn: #8a5a00; }
* { box-sizing: border-box; }
body { margin: 0; background: #f3f5f8; color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 60rem; margin: 2rem auto; padding: 2.5rem 3rem; background: #fff;
  border: 1px solid var(--line); }
header { border-bottom: 2px solid var(--ink); padding-bottom: .75rem; }
h1 { margin: .1rem 0; font-size: 1.9rem; letter-spacing: -.01em; }
h1 span { font-weight: 400; color: var(--quiet); margin-left: .4rem; }
h2 { margin: 1.8rem 0 .5rem; font-size: 1.05rem; }
.kind, .company { margin: 0; color: var(--quiet); }
.kind { text-transform: uppercase; letter-spacing: .08em; font-size: .78rem; }
.verdict { margin-top: 1.25rem; padding: .9rem 1.2rem; border-left: .4rem solid var(--bad);
  background: #fbeeed; }
.verdict h2 { margin: 0; font-size: 1.3rem; color: var(--bad); }
.verdict p { margin: .2rem 0 0; }
.verdict ul { margin: .6rem 0 0; padding-left: 1.2rem; }
.verdict.balanced { border-color: var(--good); background: #edf7f0; }
.verdict.balanced h2 { color: var(--good); }
.verdict.open { border-color: var(--warn); background: #fdf6e7; }
.verdict.open h2 { color: var(--warn); }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: 1.4rem 0 0; }
.figures div { display: flex; flex-direction: column; }
.figures dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.figures dt { color: var(--quiet); font-size: .85rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: .82rem; color: var(--quiet); }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td { overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
th.number { white-space: normal; }
.hashes td:last-child { font: .8rem/1.5 ui-monospace, Consolas, monospace; }
.hashes td:first-child { width: 17rem; color: var(--quiet); }
.note { margin: .4rem 0 0; color: var(--quiet); font-size: .85rem; }
@media print {
  @page { margin: 16mm; }
  body { background: #fff; font-size: 10pt; }
  main { margin: 0; padding: 0; border: 0; max-width: none; }
  .verdict { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
}
"""
