"""The formats files come in and go out as: text, types, and nothing that knows of jobs or stores."""
