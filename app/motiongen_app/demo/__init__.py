"""`motiongen demo`: a page on which to type, watch, change and take away motion. It needs no network."""

import os

# Before Gradio is imported: it looks then. Nothing is reported and nothing is fetched.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"
