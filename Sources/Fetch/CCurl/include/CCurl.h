// libcurl, and its functions with a variable number of arguments, one for each type of argument: Swift cannot call those.
#pragma once
#include <curl/curl.h>

typedef size_t (*pg_curl_receiver)(char *bytes, size_t size, size_t count, void *context);
typedef curl_socket_t (*pg_curl_socket_opener)(void *context, curlsocktype purpose, struct curl_sockaddr *address);

CURLcode pg_curl_set_number(CURL *handle, CURLoption option, long value);
CURLcode pg_curl_set_size(CURL *handle, CURLoption option, curl_off_t value);
CURLcode pg_curl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode pg_curl_set_pointer(CURL *handle, CURLoption option, void *value);
CURLcode pg_curl_set_receiver(CURL *handle, CURLoption option, pg_curl_receiver value);
CURLcode pg_curl_set_socket_opener(CURL *handle, pg_curl_socket_opener value);
CURLMcode pg_curl_multi_set_number(CURLM *multi, CURLMoption option, long value);

// What a transfer says of itself; 0 or NULL where it says nothing.
long pg_curl_number(CURL *handle, CURLINFO info);
curl_off_t pg_curl_size(CURL *handle, CURLINFO info);
const char *pg_curl_text(CURL *handle, CURLINFO info);
