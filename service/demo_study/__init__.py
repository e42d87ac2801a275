"""A made-up study to try the product with: six transcripts and the codings of two coders."""
