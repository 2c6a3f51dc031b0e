"""The reads of leaders and symbols."""
