"""Write every generated file of the documentation: ``python -m tests.generated``."""

from tests.generated import files, unknown

for path, text in files().items():
    path.write_text(text)
for path in unknown():
    path.unlink()
