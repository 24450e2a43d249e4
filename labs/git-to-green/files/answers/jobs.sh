cd ~/shop
grep -q ZoneInfo shop/day.py ||
  sed -i 's/^from datetime import datetime/&\nfrom zoneinfo import ZoneInfo/; s/fromtimestamp(at)/fromtimestamp(at, ZoneInfo("Asia\/Seoul"))/' shop/day.py
mkdir -p .github/workflows
cat > .github/workflows/ci.yaml <<'END'
name: ci
on: push
jobs:
  unit:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        tz: [UTC, Asia/Seoul]
    steps:
      - uses: actions/checkout@v4
      - run: python -m pytest tests/unit
        env:
          TZ: ${{ matrix.tz }}
  integration:
    needs: unit
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: python -m pytest tests/integration
  functional:
    needs: unit
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: python -m pytest tests/functional
  package:
    needs: [integration, functional]
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: tar -czf shop.tar.gz shop
      - uses: actions/upload-artifact@v4
        with:
          name: shop
          path: shop.tar.gz
END
