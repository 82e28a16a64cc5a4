curl 'http://127.0.0.1:8080/fast' \
  --compressed \
  -X PATCH \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0' \
  -H 'Accept: */*' \
  -H 'Accept-Encoding: gzip, deflate, br, zstd' \
  -H 'Content-Type: application/x-www-form-urlencoded' \
  -H 'X-Requested-With: XMLHttpRequest' \
  -H 'Priority: u=0' \
  --data-raw 'name=Ada+L.&tag=a&tag=b&api_key=0a1b2c3d4e5f'
