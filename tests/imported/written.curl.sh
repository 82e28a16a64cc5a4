#!/bin/bash
# as people write them into notes and wikis
export TOKEN=x
TOKEN=abc curl -sS -X DELETE "http://127.0.0.1:8080/fast/$ITEM?hard=true" -H "Authorization: Bearer ${TOKEN}" | jq .
curl -u joe:s3cr3t-pa55 -d name=ada -d 'city=New York' --max-time 2.5 --connect-timeout 1 -L --max-redirs 3 127.0.0.1:8080/fast -o /dev/null -w '%{http_code}'
curl -G http://127.0.0.1:8080/fast --data-urlencode 'q=ä & b' --data-urlencode "=c d" -d page=2 && echo done
curl --json '{"a": [1, 2.50, null]}' http://127.0.0.1:8080/fast --resolve shop.example:443:127.0.0.1 --retry 3
curl -F 'title=A; hat;type=text/plain' -F "note=@README.md;type=text/markdown" --form-string 'raw=@not-a-file' http://127.0.0.1:8080/fast
curl -T LICENSE http://127.0.0.1:8080/fast/ --next -I http://127.0.0.1:8080/fast -H 'Accept:' -H 'X-Empty;'
