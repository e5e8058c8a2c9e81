//! What is due, and what was missed: pure.
