// Credentials of a bucket: from the settings, or from where the AWS SDK looks for
// them. A machine's metadata address is asked for AWS itself only; elsewhere its
// answer would mean nothing, and asking takes long.

package replica

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go/logging"
)

// hasKeys tells whether the settings name credentials.
func (b bucket) hasKeys() bool { return b.accessKeyID != "" && b.secretAccessKey != "" }

// requireKeys makes sure that there are credentials before Litestream's client looks
// for them, which says so in lines of its own. Errors: *Problem.
func (s *storage) requireKeys(ctx context.Context, p pace) error {
	b := s.bucket
	if b == nil || b.hasKeys() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.call)
	defer cancel()
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{}), config.WithRegion(firstRegion)}
	if b.endpoint != "" {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err == nil {
		_, err = cfg.Credentials.Retrieve(ctx)
	}
	if err == nil {
		return nil
	}
	return &Problem{
		Kind: BadSettings, Err: err, What: fmt.Sprintf("the storage of the replica (%s) needs credentials, and none are set", s.where),
		Do: "set HMCP_REPLICA_ACCESS_KEY_ID and HMCP_REPLICA_SECRET_ACCESS_KEY",
	}
}
