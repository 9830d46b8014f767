#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/config/config.h"
#include "gateway/file_octets.h"
#include "gateway/mail/mail_out_private.h"
#include "policy/secret.h"

/* What the pool works on; the attempt itself is the loop's. */
struct encrypting {
    uv_work_t work;
    struct mail_attempt *attempt;
    const struct config *config;
    int document;
    uint64_t octets;
    struct mail_frame inner;
    char certificate[MAIL_CERTIFICATE_TEXT];
    uint8_t *der;
    size_t length;
    int status;
    char why[200];
};

/* The entity with the document, as it is encrypted. */
static int make_entity(const struct encrypting *work, struct mail_text *entity)
{
    uint8_t *document = malloc((size_t)work->octets + 1);
    int rc =
        document ? file_read_all_at(work->document, document, (size_t)work->octets, 0) : -ENOMEM;
    if (rc == 0) {
        mail_text_add_octets(entity, work->inner.head.octets, work->inner.head.length);
        mail_text_base64(entity, document, (size_t)work->octets);
        mail_text_add_octets(entity, work->inner.tail.octets, work->inner.tail.length);
        rc = entity->error;
    }
    if (document)
        secret_wipe(document, (size_t)work->octets);
    free(document);
    return rc;
}

static int read_signer(const struct config *config, char **certificate, char **key)
{
    size_t length;
    if (!config->mail.sign_certificate[0])
        return 0;
    int rc = config_read_file(config->mail.sign_certificate, certificate, &length);
    return rc < 0 ? rc : config_read_file(config->mail.sign_key_file, key, &length);
}

static void encrypt(uv_work_t *uv_work)
{
    struct encrypting *work = uv_work->data;
    struct mail_text entity = {0};
    char *certificate = NULL, *key = NULL;
    int rc = make_entity(work, &entity);
    if (rc == 0)
        rc = read_signer(work->config, &certificate, &key);
    if (rc == 0) {
        const struct mail_encryption request = {
            .entity = (const uint8_t *)entity.octets,
            .length = entity.length,
            .certificate = work->certificate,
            .sign_certificate = certificate,
            .sign_key = key,
            .authenticated = strcmp(work->config->mail.smime_cipher, "aes-256-gcm") == 0,
        };
        rc = mail_smime_encrypt(&request, &work->der, &work->length, work->why);
    }
    work->status = rc;
    if (key)
        secret_wipe(key, strlen(key));
    free(key);
    free(certificate);
    mail_text_clear(&entity);
}

static void on_encrypted(uv_work_t *uv_work, int cancelled)
{
    struct encrypting *work = uv_work->data;
    struct mail_attempt *a = work->attempt;
    struct mail_out *box = a->box;
    int status = cancelled < 0 ? cancelled : work->status;
    a->working = false;
    box->works--;
    if (!a->dropped && status == 0) {
        mail_content_clear(&a->content);
        a->content.encrypted = work->der;
        a->content.octets = work->length;
        work->der = NULL;
    }
    if (mail_attempt_resume(a))
        mail_attempt_encrypted(a, status, work->why);
    OPENSSL_free(work->der);
    mail_frame_clear(&work->inner);
    free(work);
    mail_out_stop_further(box);
}

void mail_attempt_encrypt(struct mail_attempt *a)
{
    struct mail_fax_facts facts;
    struct encrypting *work = calloc(1, sizeof *work);
    mail_attempt_facts(a, &facts);
    int rc = work ? mail_compose_inner(&facts, &work->inner) : -ENOMEM;
    if (rc == 0) {
        work->work.data = work;
        work->attempt = a;
        work->config = a->box->control->config;
        work->document = a->content.document;
        work->octets = a->content.octets;
        memcpy(work->certificate, a->certificate, sizeof work->certificate);
        rc = uv_queue_work(&a->box->control->loop, &work->work, encrypt, on_encrypted);
    }
    if (rc < 0) {
        if (work)
            mail_frame_clear(&work->inner);
        free(work);
        mail_attempt_fail_here(a, "the fax could not be encrypted", rc);
        return;
    }
    a->working = true;
    a->box->works++;
}
