"""Writers for continuous integration: JUnit, SARIF, Markdown, annotations."""
