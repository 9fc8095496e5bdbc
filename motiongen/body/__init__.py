"""SMPL-format bodies, and poses of theirs from joints."""
