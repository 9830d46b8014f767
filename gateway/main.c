#include <stdio.h>

int main(void)
{
    puts("sealfax " SEALFAX_VERSION);
    return 0;
}
