"""The live dashboard: one run in a browser, shown second by second and steered.

`Board` is what there is to show, `Feed` tells it to any number of browsers, `guarded` keeps everybody else out, `make_app`
has the routes, and `Dashboard` is the watcher that joins them to a run.
"""
