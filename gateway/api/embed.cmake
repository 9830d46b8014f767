# Writes INPUT as a C array to OUTPUT: cmake -DINPUT=… -DOUTPUT=… -P embed.cmake
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${hex}")
file(WRITE ${OUTPUT} "#include \"gateway/api/openapi_document.h\"

const unsigned char openapi_document[] = {${octets}0x00};
const size_t openapi_document_length_bytes = sizeof openapi_document - 1;
")
