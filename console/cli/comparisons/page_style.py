"""The style of the page of a comparison, beside what all pages share."""

from console.page_style import BASE

STYLE = (
    BASE
    + """.legend { margin: 0 0 1.5rem; color: var(--soft); }
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
)
