cd ~/shop
grep -q ZoneInfo shop/day.py ||
  sed -i 's/^from datetime import datetime/&\nfrom zoneinfo import ZoneInfo/; s/fromtimestamp(at)/fromtimestamp(at, ZoneInfo("Asia\/Seoul"))/' shop/day.py
