"""What runs on the board: sent once after each start of its interpreter, then called by short lines.

One name is taken in the board's globals. Everything works piece by piece, so that no file need fit into memory.
The board itself makes the temporary name out of a file's own, which comes with its length: bytes that a line loses can
neither leave something under another name behind, nor give a whole file a wrong one.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache

from hivectl.micropython.literals import literal

NAME = "_hivectl"
# changes on their way; left behind where the line was lost
TRAIN = "/.hivectl.run"

# indented by one space, with short names: each byte is sent over the line and kept in the board's memory
_TEXT = r"""import os
class _hivectl:
 n=("hashlib","binascii","deflate","os.stat","os.rename","os.statvfs","os.ilistdir","sys.stdout","hashlib.sha1","hashlib.md5")
 q=None
 def _i():
  try:os.remove("/.hivectl.run")
  except(OSError,AttributeError):pass
  return [n for n in _hivectl.n if _hivectl._w(n)]
 def _w(n):
  m,_,a=n.partition(".")
  try:m=__import__(m)
  except ImportError:return 0
  return not a or hasattr(m,a)and(a!="stdout"or hasattr(m.stdout,"buffer"))
 def _h(p,a="sha256"):
  import hashlib,binascii
  x=getattr(hashlib,a)();b=bytearray(1024);v=memoryview(b)
  with open(p,"rb") as f:
   while 1:
    k=f.readinto(b)
    if not k:break
    x.update(v[:k])
  return binascii.hexlify(x.digest()).decode()
 def _o(p,z,a="sha256"):
  try:s=os.stat(p)
  except OSError as e:
   if e.args[0] in(2,20):return None
   raise
  if s[0]&0x4000:return("d",0,s[8],"")
  return("f",s[6],s[8],_hivectl._h(p,a) if z==-1 or z==s[6] else "")
 def _l(p):
  for e in os.ilistdir(p):yield(e[0],e[1]&0x4000)
 def _t(p):
  for n,d in _hivectl._l(p or "/"):
   c=p+"/"+n
   yield c,d
   if d:
    for e in _hivectl._t(c):yield e
 def _m(p):
  c="" if p[:1]=="/" else None
  for n in p.split("/"):
   if not n:continue
   c=n if c is None else c+"/"+n
   try:os.mkdir(c)
   except OSError:
    if(_hivectl._o(c,None)or" ")[0]!="d":raise
 def _r(p):
  if _hivectl._o(p,None)[0]=="d":
   for n,_ in list(_hivectl._l(p)):_hivectl._r(p+"/"+n)
   os.rmdir(p)
  else:os.remove(p)
 def _n(p):return p[:p.rfind("/")+1]+".hivectl.tmp"
 def _b(p):
  _hivectl.q=open(_hivectl._n(p),"wb")
 def _a(b):_hivectl.q.write(b)
 def _d(s):
  import io,deflate
  return deflate.DeflateIO(io.BytesIO(s),deflate.RAW,12)
 def _c(s):exec(_hivectl._d(s).read())
 def _z(s):
  d=_hivectl._d(s)
  while 1:
   b=d.read(1024)
   if not b:break
   _hivectl.q.write(b)
 def _e(p,z,x):
  if _hivectl.q:_hivectl.q.close()
  _hivectl.q=None
  t=_hivectl._n(p)
  if len(p)!=z or _hivectl._h(t)!=x:
   os.remove(t)
   raise ValueError("damaged")
  os.rename(t,p)
 def _s(p,n,x,z,b):
  _hivectl._b(p)
  if z:_hivectl._z(b)
  else:_hivectl._a(b)
  _hivectl._e(p,n,x)
 def _x(p):
  t=_hivectl._n(p)
  if _hivectl.q:
   try:_hivectl.q.close()
   except OSError:pass
   _hivectl.q=None
  try:os.remove(t)
  except OSError:pass
 def _g(p,k,o,x):
  if x:
   import hashlib,binascii
   x=hashlib.sha256()
  if o:
   import sys
   o=sys.stdout.buffer
  else:import binascii
  with open(p,"rb") as f:
   while 1:
    b=f.read(k)
    if not b:break
    if x:x.update(b)
    if o:o.write(b.replace(b"\x10",b"\x10P").replace(b"\x04",b"\x10D").replace(b"\n",b"\x10N").replace(b"\r",b"\x10R"))
    else:print(binascii.hexlify(b).decode())
  if x:
   if o:o.write(b"\x10E")
   print(binascii.hexlify(x.digest()).decode())
 def _v(t,z):
  if hasattr(os,"statvfs"):
   s=os.statvfs("/")
   if s[0]*s[3]<z:raise OSError(28)
  open(t,"wb").close()
 def _p(t):
  try:
   with open(t,"rb") as f:
    while 1:
     n=f.readline()
     if not n:break
     exec(f.read(int(n)))
  finally:os.remove(t)
 def _f(s,t,l):
  import time
  n=time.ticks_ms()
  o=_hivectl.k
  if o and o[0]==s and t<o[1]or o and o[0]!=s and time.ticks_diff(o[3],n)>0:return o[:3]
  _hivectl.k=(s,t,l[0],time.ticks_add(n,l[1]))
 def _u(s,t):
  o=_hivectl.k
  if o and o[:2]==(s,t):_hivectl.k=None
 try:k=_hivectl.k
 except NameError:k=None
_hivectl.z="@"
print(_hivectl._i())
"""
DIGEST = hashlib.sha256(_TEXT.encode()).hexdigest()[:8]
HELPER = _TEXT.replace("@", DIGEST)
# fails, or prints False, where the helper is not there from an earlier connection
PROBE = f"print({NAME}.z=={DIGEST!r}and {NAME}._i())"


@cache
def packed_helper() -> bytes:
    """Return the helper as a program that unpacks it, half as long; it raises where the firmware cannot."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    data = literal(packer.compress(HELPER.encode()) + packer.flush())
    # without a name of its own in the board's globals
    return (
        b'exec((lambda d,i:d.DeflateIO(i.BytesIO(%b),d.RAW,12).read())(__import__("deflate"),__import__("io")))'
        % (data)
    )
