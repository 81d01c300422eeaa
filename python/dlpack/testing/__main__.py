"""`python -m dlpack.testing` is `python -m dlpack doctor`."""

import sys

from .doctor import main

sys.exit(main())
