"""Motion by the thousand: prompt files in, shards and a manifest out, the same whatever does the work.

`prompt_files` reads lines, `jobs` makes of each what is to be generated, `worker` generates, an engine (`local`, `ray`)
spreads the work, `layouts` write samples, `manifest` remembers what is done, and `run` holds them together.
"""
