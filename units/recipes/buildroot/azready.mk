################################################################################
#
# azready
#
################################################################################

AZREADY_VERSION = 0.1.0
AZREADY_SITE = https://azready.example/releases/$(AZREADY_VERSION)
AZREADY_LICENSE = Apache-2.0
AZREADY_LICENSE_FILES = LICENSE

define AZREADY_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/dist/azready $(TARGET_DIR)/usr/sbin/azready
endef

define AZREADY_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(@D)/units/buildroot/azready \
		$(TARGET_DIR)/etc/init.d/S41azready
endef

define AZREADY_INSTALL_INIT_OPENRC
	$(INSTALL) -D -m 0755 $(@D)/units/openrc/azready \
		$(TARGET_DIR)/etc/init.d/azready
endef

define AZREADY_INSTALL_INIT_SYSTEMD
	$(INSTALL) -D -m 0644 $(@D)/units/systemd/azready.service \
		$(TARGET_DIR)/usr/lib/systemd/system/azready.service
endef

$(eval $(generic-package))
