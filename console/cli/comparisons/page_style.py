"""The style of the page of a comparison: light, dark, and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5a6472; --line: #d5dae1; --ground: #fff; --band: #f4f6f8;
  --added: #0a6b2d; --removed: #b3261e; --changed: #7a5200; --ins: #e3f6e8; --del: #fdeae8; --warn: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b4; --line: #38404b; --ground: #14181d;
  --band: #1e242c; --added: #6fd08c; --removed: #ff9d94; --changed: #e9bd62; --ins: #14331f; --del: #3f1d1b;
  --warn: #3a2f10; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --ground: #fff; --band: #f4f4f4;
  --added: #064d20; --removed: #8f1d17; --changed: #5e3f00; --ins: #eef8f0; --del: #fdf1f0; --warn: #fff8e6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 3rem; color: var(--ink); background: var(--ground);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; } h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .75rem; margin: 0 0 .5rem; }
.legend { margin: 0 0 1.5rem; color: var(--soft); }
dt { font-weight: 600; } dd { margin: 0; }
code { font: .85em/1.4 ui-monospace, "Cascadia Mono", "Liberation Mono", monospace; color: var(--soft);
  overflow-wrap: anywhere; }
table { border-collapse: collapse; } th { text-align: left; font-weight: 600; }
.counts { min-width: 28rem; } .counts caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
.counts th, .counts td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); }
.counts thead th { color: var(--soft); font-weight: 500; }
.number { text-align: right !important; font-variant-numeric: tabular-nums; }
.records { width: 100%; table-layout: fixed; }
.records tbody { border-top: 1px solid var(--line); break-inside: avoid-page; }
.records td, .records th { padding: .35rem .6rem; vertical-align: top; overflow-wrap: anywhere; }
.records td:first-child { width: 6rem; padding-left: 0; font-weight: 600; }
.records .property th { width: 22%; font-weight: 500; color: var(--soft); }
.added { color: var(--added); } .removed { color: var(--removed); } .changed { color: var(--changed); }
ins, del { display: block; padding: .05rem .4rem; margin-bottom: .15rem; border-radius: .25rem; text-decoration: none;
  white-space: pre-wrap; }
ins { background: var(--ins); color: var(--added); } del { background: var(--del); color: var(--removed); }
.unknown { margin-top: 1.5rem; padding: .1rem 1rem; background: var(--warn); border-radius: .4rem; }
.unknown h2 { margin-top: .7rem; } .none { font-weight: 600; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; }
  ins, del, .unknown { print-color-adjust: exact; } @page { margin: 1.5cm; } }
"""
