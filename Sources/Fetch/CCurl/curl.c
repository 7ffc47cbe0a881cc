#include "CCurl.h"

CURLcode pg_curl_set_number(CURL *handle, CURLoption option, long value)
{
    return curl_easy_setopt(handle, option, value);
}

CURLcode pg_curl_set_size(CURL *handle, CURLoption option, curl_off_t value)
{
    return curl_easy_setopt(handle, option, value);
}

CURLcode pg_curl_set_text(CURL *handle, CURLoption option, const char *value)
{
    return curl_easy_setopt(handle, option, value);
}

CURLcode pg_curl_set_pointer(CURL *handle, CURLoption option, void *value)
{
    return curl_easy_setopt(handle, option, value);
}

CURLcode pg_curl_set_receiver(CURL *handle, CURLoption option, pg_curl_receiver value)
{
    return curl_easy_setopt(handle, option, value);
}

CURLcode pg_curl_set_socket_opener(CURL *handle, pg_curl_socket_opener value)
{
    return curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, value);
}

CURLMcode pg_curl_multi_set_number(CURLM *multi, CURLMoption option, long value)
{
    return curl_multi_setopt(multi, option, value);
}

long pg_curl_number(CURL *handle, CURLINFO info)
{
    long value = 0;
    return curl_easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}

curl_off_t pg_curl_size(CURL *handle, CURLINFO info)
{
    curl_off_t value = 0;
    return curl_easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}

const char *pg_curl_text(CURL *handle, CURLINFO info)
{
    char *value = NULL;
    return curl_easy_getinfo(handle, info, &value) == CURLE_OK ? value : NULL;
}
