"""What the HTML report is made of: its words, the data of its charts, its excerpts, its template, style and script."""
