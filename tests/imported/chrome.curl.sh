# "Copy as cURL (bash)" of Chrome: a GET, a POST with $'…', and a form of parts
curl 'http://127.0.0.1:8080/fast?q=hat%20%26%20scarf&sort=-price' \
  -H 'Accept: application/json, text/plain, */*' \
  -H 'Accept-Language: en-GB,en;q=0.9' \
  -H 'Connection: keep-alive' \
  -b 'sid=4be1d02f77c94d0e; theme=dark' \
  -H 'Referer: http://127.0.0.1:8080/' \
  -H 'Sec-Fetch-Mode: cors' \
  -H 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36' \
  -H 'sec-ch-ua: "Chromium";v="142", "Not_A Brand";v="99"' \
  --compressed ;
curl 'http://127.0.0.1:8080/fast' \
  -H 'authorization: Bearer 9f1c-not-a-token-77aa' \
  -H 'content-type: application/json' \
  --data-raw $'{"name":"O\'Brien \\u0026 Co","note":"a\\nb {{name}} ${HOME}","qty":2,"price":9.50}' \
  --insecure
curl 'http://127.0.0.1:8080/fast' \
  -H 'content-type: multipart/form-data; boundary=----WebKitFormBoundaryx1Y2z3' \
  --data-raw $'------WebKitFormBoundaryx1Y2z3\r\nContent-Disposition: form-data; name="title"\r\n\r\nA hat\r\n------WebKitFormBoundaryx1Y2z3\r\nContent-Disposition: form-data; name="password"\r\n\r\nlong-secret-words\r\n------WebKitFormBoundaryx1Y2z3--\r\n'
