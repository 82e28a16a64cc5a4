"""The live dashboard: one run in a browser, shown second by second and steered.

`Board` holds what the pages show, `Feed` sends it to any number of browsers, `guarded` keeps everybody else out, `make_app`
has the routes, and `Dashboard` is the watcher that joins them to a run.
"""
