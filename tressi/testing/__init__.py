"""The embedded target server and a fake engine: for the demo, our tests and our users' tests."""
