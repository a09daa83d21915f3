"""What the HTML pages of the console's outputs share: colours in light, dark and on paper, text and lists of facts."""

BASE = """
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
dt { font-weight: 600; } dd { margin: 0; }
code { font: .85em/1.4 ui-monospace, "Cascadia Mono", "Liberation Mono", monospace; color: var(--soft);
  overflow-wrap: anywhere; }
"""
