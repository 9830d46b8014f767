/* t30_result.h: the results of a T.30 session (spandsp's T30_ERR codes) as stable names and text.
 */
#ifndef T38_T30_RESULT_H
#define T38_T30_RESULT_H

/* Returns one English sentence for a result code of the engine; never NULL. Static storage. */
const char *t30_result_text(int code);

#endif
