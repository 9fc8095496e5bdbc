"""Changing and continuing motion that is there: regenerate a span, go on from the end, close a loop, stay in place."""
