<?php
// Posts each file to an address with PHP's curl, as Guzzle does too: it asks before a long body (expect: 100-continue);
// one line a reply: status, retry-after, how it ended, body.
$address = $argv[1];
foreach (array_slice($argv, 2) as $name) {
    $body = '';
    $wait = '-';
    $curl = curl_init($address);
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => file_get_contents($name),
        CURLOPT_HTTPHEADER => ['Authorization: Bearer k', 'Content-Type: application/json'],
        CURLOPT_WRITEFUNCTION => function ($curl, $part) use (&$body) {
            $body .= $part;
            return strlen($part);
        },
        CURLOPT_HEADERFUNCTION => function ($curl, $line) use (&$wait) {
            if (preg_match('/^retry-after:\s*(\S+)/i', $line, $found)) {
                $wait = $found[1];
            }
            return strlen($line);
        },
    ]);
    $ended = curl_exec($curl) === false ? 'cut' : 'ended';
    echo curl_getinfo($curl, CURLINFO_RESPONSE_CODE) ?: '-', " $wait $ended ", base64_encode($body), "\n";
}
