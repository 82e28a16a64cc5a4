"""Engines on other machines, behind the interface of one: what they are told, what they say, and whose share is whose."""
