"""What several modules of tests use: models, data sets, pages, the browser."""
