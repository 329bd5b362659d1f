"""What a board does at every start, before main.py: it joins the lab. The work is in lib/hivelab.

If this raises, MicroPython does not run main.py: that is how safe mode skips it.
"""

import hivelab

hivelab.boot()
